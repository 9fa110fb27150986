"""The Jupyter side: the only place for tornado and jupyter_server."""
