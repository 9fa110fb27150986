"""Keys of the gateway: who may talk to the models.

================  =============================================================================
`manager`         makes, lists, revokes and checks them
`kernels`         keys of processes: in memory, dead with their process
`saved`           named keys: in the store, the same for every Jupyter server of this user
`grant`           what is known of one key: its end, its rate, its last use
`rate`            how many requests a minute
================  =============================================================================
"""

from mlx_manager_jupyter.services.keys.manager import KeyManager

__all__ = ["KeyManager"]
