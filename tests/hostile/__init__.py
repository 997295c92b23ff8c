"""Attacks on a host, each beside an honest caller.

host.py          a host in a process of its own
honest.py        a caller who talks, and what it measures meanwhile
beside.py        runs attacks beside that caller, and says what they did to it
attacker.py      runs attacks, in a process of its own
attacks_*.py     the attacks: coroutine functions that take the address of the host
line.py          a connected caller who sends what it likes
sctp.py          SCTP packets
wire.py          requests as bytes on a socket
association.py   aiortc's SCTP association behind the guard, without a network

Attacks are bounded in time and size, and only reach addresses of this machine. A new kind is a
module attacks_X.py with a tuple ATTACKS, and a test that runs them as test_connected.py does.
"""
