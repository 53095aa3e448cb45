"""A real chain on loopback with genuine exchanges on it, seeded traffic, and the ground truth of what happened there.

`traffic.played` gives it all. Everything is the same in every run with the same seed, to the block hash.

- `anvil`: the node; `contracts`: what is deployed on it, with `Actors.sol`; `deploy`: how.
- `world`: blocks of calls, and reorganisations; `traffic`: what is called, out of `chances`, `v2`, `v3`, `v4`, `cow`.
- `truth`: every block, transaction and log, from receipts; `asked`: what was wanted; `book`: the pools' state.
- `histories`: the truth as the records that an ingest must come to.
"""
