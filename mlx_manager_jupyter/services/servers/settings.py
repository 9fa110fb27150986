"""What can be configured about servers: traits of ``c.ServerManager``."""

from __future__ import annotations

from traitlets import Bool, Float, Int
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.services.servers.policy import RestartPolicy


class ServerSettings(LoggingConfigurable):
    """The traits of `ServerManager`."""

    load_timeout = Float(
        600.0, min=1.0, help="Seconds that an engine may take to load before it counts as failed."
    ).tag(config=True)
    stop_grace = Float(
        2.0, min=0.1, help="Seconds between SIGTERM, SIGINT and SIGKILL when a server is stopped."
    ).tag(config=True)
    sync_interval = Float(
        1.0, min=0.1, help="Seconds between two looks at what other Jupyter servers started."
    ).tag(config=True)
    health_timeout = Float(
        5.0, min=0.05, help="Seconds that a ready server may take to say that it is well."
    ).tag(config=True)
    restart_delay = Float(
        1.0,
        min=0.0,
        help="Seconds before a server that failed is started again; twice as long each time.",
    ).tag(config=True)
    restart_longest_delay = Float(60.0, min=0.0, help="The longest that these seconds become.").tag(
        config=True
    )
    restart_limit = Int(
        5, min=1, help="After so many failures within the window a server is left alone."
    ).tag(config=True)
    restart_window = Float(
        600.0, min=1.0, help="Seconds in which failures are counted for that."
    ).tag(config=True)
    healthy_after = Float(
        60.0, min=0.1, help="Seconds ready after which a server's earlier restarts are forgotten."
    ).tag(config=True)
    auto_start = Bool(
        default_value=True, help="Start the profiles that say 'auto_start' when Jupyter starts."
    ).tag(config=True)
    auto_start_at_once = Int(2, min=1, help="How many of them may load at a time.").tag(config=True)

    @property
    def restart_policy(self) -> RestartPolicy:
        """When what failed is started again."""
        return RestartPolicy(
            delay=self.restart_delay,
            longest_delay=self.restart_longest_delay,
            limit=self.restart_limit,
            window=self.restart_window,
        )
