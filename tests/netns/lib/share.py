"""What each worker does, for the tests that run several."""
from . import packets
from .topology import HOST6


def workers(pop):
    return pop.daemon.json("pop show threads")["workers"]


class Share:
    """What each worker did while the block ran: .packets[i], .handed"""

    def __init__(self, pop):
        self.pop = pop

    def __enter__(self):
        self.before = workers(self.pop)
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            after = workers(self.pop)
            self.packets = [a["in_packets"] - b["in_packets"] for a, b in zip(after, self.before)]
            self.handed = sum(a["handed_over"] - b["handed_over"]
                              for a, b in zip(after, self.before))


def there_and_back(pop, client, inner=None):
    """A ping to the PoP, a packet to the native host, and one from it."""
    inner = inner or client.inner
    client.ping(client.pop_inner)
    client.send(packets.filler(inner, HOST6, 200, mark=1))
    pop.at_host(lambda p: p.src == inner)
    pop.from_uplink(packets.filler(HOST6, inner, 300, mark=2))
    client.receive(lambda p: p.dst == inner and p.src == HOST6)


def steers(pop):
    """Without rights for BPF nothing is steered, and this was said."""
    return "which worker a packet belongs to" not in pop.daemon.output()
