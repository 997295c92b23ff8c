"""What each service carries around its work, in this order:

limit       may it begin now? it waits, is shed, or goes to the next member
cache       did the primary make it before, for anybody?
attempt     a member does it, with deadlines on its first output, between outputs, in all
classify    what went wrong: network, resource, dependency, user input, unknown
retry       the same member again after a pause, where that may help
fallback    the next member, which goes on after what was already said
apology     the chain is spent: an honest sentence, never silence

A breaker keeps members that fail again and again from being tried, until they are well.
"""
