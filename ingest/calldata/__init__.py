"""Call data of routers: what the sender of a call wanted, whether it came to pass or not.

``abi`` reads arguments; ``v2``, ``v3``, ``universal`` and ``v4`` turn each router's methods into the same steps;
``trades`` puts these together to what was wanted from end to end; ``decode`` is the way in.
"""
