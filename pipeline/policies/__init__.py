"""What applies around a service's work, in this order:

limit       may it begin now? the packet waits, is refused, or goes to the next member
cache       did the primary make this before, in any session?
attempt     a member does it, with deadlines for its first output, between outputs, and in all
classify    the category of an error: network, resource, dependency, user input, unknown
retry       the same member again after a pause, where that may help
fallback    the next member, which continues after what was already said
last resort no member could: a prepared sentence, never silence

A breaker keeps members that fail repeatedly from being called until they are healthy again.

The modules are leaves: they import no node and no plan.
"""
