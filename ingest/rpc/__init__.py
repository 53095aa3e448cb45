"""History over JSON-RPC: from a node's answers, each checked, into the chain store.

``transport`` sends and masks, ``node`` retries, ``refusals`` and ``ranges`` learn what a node allows, ``answers``
checks what it says; ``fetch`` brings logs with their blocks and transactions into the store, ``reorgs`` keeps that
store on the chain's side; ``pools`` and ``state`` ask contracts what they are and what they held at a block.
"""
