"""Attacks on a host, each beside an honest caller.

host.py      a host in a process of its own
honest.py    a caller who talks, and what it measures meanwhile
beside.py    runs an attack beside that caller, and compares
attacker.py  runs one attack, in a process of its own
sctp.py      SCTP packets and a connection to send them on
attacks_*.py the attacks: coroutines that take the address of the host

Attacks are bounded in time and size, and only reach addresses of this machine.
"""
