"""The adversary: what a sequencer could take from a batch, and whether misreporting pays."""
