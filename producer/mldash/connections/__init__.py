"""The addresses of servers, and the ways to reach them."""
