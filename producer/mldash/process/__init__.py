"""How a process of ours is set up, watched and ended: settings, log output, health, supervision."""
