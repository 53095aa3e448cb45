"""The wrapped native coin of each chain, for which its native coin counts; addresses as their issuers publish them."""

from __future__ import annotations

WRAPPED_NATIVE: dict[int, str] = {
    1: "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",
    10: "0x4200000000000000000000000000000000000006",
    56: "0xbb4cdb9cbd36b01bd1cbaebf2de08d9173bc095c",
    100: "0xe91d153e0b41518a2ce8dd3d7944fa863463a97d",
    130: "0x4200000000000000000000000000000000000006",
    137: "0x0d500b1d8e8ef31e21c99d1db9a6444d3adf1270",
    8453: "0x4200000000000000000000000000000000000006",
    42161: "0x82af49447d8a07e3bd95bd0d56f35241523fbab1",
    43114: "0xb31f66aa3c1e785363f0875a1b74e27b85fd66c7",
    11155111: "0xfff9976782d46cc05630d1f6ebab18b2324d6b14",
}
