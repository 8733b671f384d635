"""Train, evaluate and export the released model; nothing but the command line imports this room."""
