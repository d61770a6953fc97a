"""What goes: deleted experiments, expired events, orphans, and what a kill left."""
