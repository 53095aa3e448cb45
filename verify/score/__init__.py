"""From outcomes to a verdict. Pure: no EVM, no store, no clock; everything follows from the outcomes and a seed.

`scorecard.scorecard` is the way in, `rank.rank` the leaderboard; docs/design/scoring.md says what was decided and why.
"""
