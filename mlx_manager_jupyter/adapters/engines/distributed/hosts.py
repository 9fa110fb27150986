"""Which machines a profile names, this one first, as the launcher's own hostfile says it."""

from __future__ import annotations

import ipaddress
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mlx_manager_jupyter.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlx_manager_jupyter.schema import Distributed, Profile

#: The one name that ``mlx.launch`` takes for this machine; it reaches any other by ssh, this very
#: machine included, where we could not look after the process (mlx 0.32, ``RemoteProcess``).
HERE = "127.0.0.1"

#: Backends whose hosts need devices that only a hostfile can name.
_RDMA = frozenset({"jaccl", "jaccl-ring"})
_ASK = "Ask mlx.distributed_config for a hostfile."


class Host(Struct, frozen=True, kw_only=True):
    """Where one rank runs."""

    ssh: str
    """The name that ssh takes; `HERE` for no ssh at all."""
    ips: tuple[str, ...]
    rdma: tuple[Any, ...] = ()


class Spread(Struct, frozen=True, kw_only=True):
    """One rank for each of the hosts, of which the first serves HTTP."""

    hosts: tuple[Host, ...]
    backend: str

    @property
    def ranks(self) -> int:
        """How many processes share the model."""
        return len(self.hosts)

    @property
    def here(self) -> int:
        """How many of them run on this machine."""
        return sum(host.ssh == HERE for host in self.hosts)

    @property
    def is_local(self) -> bool:
        """Whether no other machine takes part."""
        return self.here == self.ranks

    @property
    def hostfile(self) -> str:
        """What ``mlx.launch --hostfile`` reads (mlx 0.32, ``Hostfile.from_file``)."""
        hosts = [{"ssh": h.ssh, "ips": list(h.ips), "rdma": list(h.rdma)} for h in self.hosts]
        return json.dumps({"backend": self.backend, "hosts": hosts}, indent=2)


def spread_of(distributed: Distributed) -> Spread:
    """Read what the profile says. Blocks: it may read a file and ask for names' addresses.

    Raises:
        InvalidValue: it says nothing, too much, or nothing that the launcher could use.
    """
    given = [name for name in ("hosts", "hostfile", "ranks") if getattr(distributed, name)]
    if len(given) != 1:
        said = f"{' and '.join(given)} exclude each other" if given else "nothing says where"
        raise InvalidValue(f"'distributed': {said}.", "Give 'hosts', 'hostfile' or 'ranks'.")
    if distributed.hostfile:
        hosts = _of_file(distributed.hostfile, distributed.backend)
    else:
        names = distributed.hosts or (HERE,) * (distributed.ranks or 0)
        hosts = [Host(ssh=name, ips=(_address(name),)) for name in names]
    return Spread(hosts=_checked(hosts, distributed.backend), backend=distributed.backend)


def ranks_on_this_machine(profile: Profile) -> int:
    """How many processes hold parts of the model here: 1 unless ``distributed`` says more.

    Tensor-parallel ranks divide the layers' weights and the keys and values among them; each
    has the embeddings, and its own overhead. Blocks as `spread_of` does.

    Raises:
        InvalidValue: as `spread_of` does.
    """
    return spread_of(profile.distributed).here if profile.distributed else 1


def _checked(hosts: list[Host], backend: str) -> tuple[Host, ...]:
    if len(hosts) < 2:  # noqa: PLR2004  one alone shares nothing
        raise InvalidValue("'distributed' names one machine only.", "Two are the least.")
    if not _is_here((hosts[0].ssh, *hosts[0].ips)):
        message = f"'distributed' names {hosts[0].ssh} first, which is not this machine."
        raise InvalidValue(message, "Put this machine first: it answers the requests.")
    placed = [_placed(host) for host in hosts]
    far = next((host for host in placed if host.ssh != HERE), None)
    if far and any(_is_loopback(ip) for host in placed if host.ssh == HERE for ip in host.ips):
        message = f"{far.ssh} can't reach this machine at a loopback address."
        raise InvalidValue(message, "Name this machine by its address in your network.")
    if backend == "ring" and (bare := next((h for h in placed if not h.ips), None)):
        message = f"The hostfile gives no address ('ips') for {bare.ssh}; the ring needs one."
        raise InvalidValue(message, _ASK)
    if backend in _RDMA and any(len(host.rdma) != len(placed) for host in placed):
        message = f"The backend {backend} needs each machine's RDMA devices."
        raise InvalidValue(message, f"Only a hostfile can name them. {_ASK}")
    return tuple(placed)


def _placed(host: Host) -> Host:
    if _is_here((host.ssh, *host.ips)):
        return Host(ssh=HERE, ips=host.ips, rdma=host.rdma)
    return host


def _of_file(name: str, backend: str) -> list[Host]:
    path = Path(name).expanduser()
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        message = f"The hostfile {path} can't be read: {error}."
        raise InvalidValue(message, _ASK) from error
    said = data.get("backend") if isinstance(data, dict) else None
    if said and said != backend:
        message = f"The hostfile is for the backend {said}, and the profile asks for {backend}."
        raise InvalidValue(message, f"Set 'backend' of 'distributed' to {said}.")
    listed = data.get("hosts") if isinstance(data, dict) else data
    hosts = [_host(each) for each in listed] if isinstance(listed, list) else []
    if not hosts:
        raise InvalidValue(f"The hostfile {path} lists no hosts.", _ASK)
    return hosts


def _host(listed: object) -> Host:
    entry = listed if isinstance(listed, dict) else {}
    ssh, ips, rdma = entry.get("ssh"), entry.get("ips", []), entry.get("rdma", [])
    if not isinstance(ssh, str) or not ssh or ssh.startswith("-"):
        raise InvalidValue("A host of the hostfile has no 'ssh' name.", _ASK)
    if not isinstance(rdma, list) or not _are_addresses(ips):
        raise InvalidValue(f"The hostfile's 'ips' or 'rdma' of {ssh} make no sense.", _ASK)
    return Host(ssh=ssh, ips=tuple(ips), rdma=tuple(rdma))


def _are_addresses(listed: object) -> bool:
    if not isinstance(listed, list):
        return False
    try:
        return bool([ipaddress.ip_address(each) for each in listed]) or not listed
    except ValueError:
        return False


def _address(name: str) -> str:
    try:
        if name.startswith("-"):
            raise OSError("it is no name")  # noqa: TRY301  ssh would take it for an option
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        message = f"The machine {name!r} of 'distributed' can't be found: {error}."
        raise InvalidValue(message, "Give its address.") from error
    return str(found[0][4][0])


def _is_here(names: Iterable[str]) -> bool:
    """Whether one of them is an address of this machine: only then can it be bound."""
    for name in names:
        try:
            address = _address(name)
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
                attempt.bind((address, 0))
        except (OSError, InvalidValue):
            continue
        return True
    return False


def _is_loopback(ip: str) -> bool:
    return ipaddress.ip_address(ip).is_loopback
