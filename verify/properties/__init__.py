"""What every rule must hold before it is scored, on the real kernel and genuine pools, whatever history is replayed."""
