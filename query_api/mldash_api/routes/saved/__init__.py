"""What people save of a page: views, and short ids of long addresses."""
