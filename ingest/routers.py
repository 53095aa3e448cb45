"""Public routers and aggregators: contracts through which anybody trades, so that their swaps are users' swaps.

The addresses are facts of the chains, as their operators publish them. The same address may stand on several chains
(deterministic deployment); no address here is known to be something else on another chain.
"""

from __future__ import annotations

ROUTERS: dict[str, str] = {
    "0xf164fc0ec4e93095b804a4795bbe1e041497b92a": "Uniswap v2 Router01",
    "0x7a250d5630b4cf539739df2c5dacb4c659f2488d": "Uniswap v2 Router02",
    "0xe592427a0aece92de3edee1f18e0157c05861564": "Uniswap v3 SwapRouter",
    "0x68b3465833fb72a70ecdf485e0e4c7bd8665fc45": "Uniswap v3 SwapRouter02",
    "0xef1c6e67703c7bd7107eed8303fbe6ec2554bf6b": "Uniswap Universal Router",
    "0x3fc91a3afd70395cd496c647d5a6cc9d4b2b7fad": "Uniswap Universal Router 1.2",
    "0x66a9893cc07d91d95644aedd05d03f95e1dba8af": "Uniswap Universal Router 2",
    "0x4c60051384bd2d3c01bfc845cf5f4b44bcbe9de5": "Uniswap Universal Router (Polygon, Arbitrum)",
    "0xb555edf5dcf85f42ceef1f3630a52a108e55a654": "Uniswap Universal Router (Optimism)",
    "0x643770e279d5d0733f21d6dc03a8efbabf3255b4": "Uniswap Universal Router 1.2 (Polygon)",
    "0xec7be89e9d109e7e3fec59c222cf297125fefda2": "Uniswap Universal Router 1.2 (Polygon)",
    "0xec8b0f7ffe3ae75d7ffab09429e3675bb63503e4": "Uniswap Universal Router 1.2 (Optimism)",
    "0xcb1355ff08ab38bbce60111f1bb2b784be25d7e8": "Uniswap Universal Router 1.2 (Optimism)",
    "0x851116d9223fabed8e56c0e6b8ad0c31d98b3507": "Uniswap Universal Router 2 (Optimism)",
    "0xd9e1ce17f2641f24ae83637ab66a2cca9c378b9f": "SushiSwap Router",
    "0xa5e0829caced8ffdd4de3c43696c57f7d7a678ff": "QuickSwap Router (Polygon)",
    "0x03f7724180aa6b939894b5ca4314783b0b36b329": "ShibaSwap Router",
    "0x3e66b66fd1d0b02fda6c811da9e0547970db2f21": "Balancer Exchange Proxy 2",
    "0x11111254369792b2ca5d084ab5eea397ca8fa48b": "1inch Aggregation Router 1",
    "0x111111125434b319222cdbf8c261674adb56f3ae": "1inch Aggregation Router 2",
    "0x11111112542d85b3ef69ae05771c2dccff4faa26": "1inch Aggregation Router 3",
    "0x1111111254fb6c44bac0bed2854e76f90643097d": "1inch Aggregation Router 4",
    "0x1111111254eeb25477b68fb85ed929f73a960582": "1inch Aggregation Router 5",
    "0x111111125421ca6dc452d289314280a0f8842a65": "1inch Aggregation Router 6",
    "0xdef1c0ded9bec7f1a1670819833240f027b25eff": "0x Exchange Proxy",
    "0xdef171fe48cf0115b1d80b88dc8eab59176fee57": "ParaSwap Augustus 5",
    "0x6a000f20005980200259b80c5102003040001068": "ParaSwap Augustus 6",
    "0x6131b5fae19ea4f9d964eac0408e4408b66337b5": "KyberSwap Meta Aggregation Router 2",
    "0xf3de3c0d654fda23dad170f0f320a92172509127": "OKX DEX Router",
    "0x881d40237659c251811cec9c364ef91dc08d300c": "MetaMask Swap Router",
    "0x9008d19f58aabd9ed0d60971565aa8510560ab41": "CoW Protocol Settlement",
}
