"""The kernel's and the command line's way to the extension: HTTP only, nothing owned."""
