"""A chain's state at one block, as far as some calls touch it: read from a node, proven if it can be, kept in a file.

``reader`` asks a node, ``answers`` reads what it says, ``proofs`` holds it against the block's state root; ``document``
and ``file`` make a portable fork file of it; ``calls`` reads the transactions that are to run on it. Which state is
needed is for the caller to say: nothing here runs code.
"""
