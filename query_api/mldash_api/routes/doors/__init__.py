"""Who calls, and what they may: tokens, links, and people who sign in."""
