// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice One sell order. Amounts in the tokens' smallest units, times in Unix seconds.
struct Order {
    address trader;
    address sellToken;
    address buyToken;
    uint256 sellAmount;
    uint256 minBuyAmount;
    uint256 nonce;
    bool partiallyFillable;
    uint64 validTo;
    uint64 placedAt;
}

/// @notice What an order got: `sold` of its sell token for `bought` of its buy token; (0, 0) leaves it unfilled.
struct Fill {
    uint256 sold;
    uint256 bought;
}

/// @notice What a clearing rule may ask of the kernel while it clears a batch, and nothing else.
/// @dev Obtain it as `IKernel(msg.sender)` inside `clear`. Every function returns something, so that calls to it
///      compile to a plain CALL.
interface IKernel {
    /// @notice The number of venues. They may trade different pairs, and so may the orders: each order's tokens are some
    ///         of the venues', but no venue needs to trade both.
    function venueCount() external view returns (uint256);

    /// @notice The tokens of venue `i` (token0 < token1) and its fee in 1e-6 of the input.
    function venue(uint256 i) external view returns (address token0, address token1, uint24 feePips);

    /// @notice Marginal price before fee: sqrt(token1 per token0 in smallest units) * 2**96.
    function sqrtPriceX96(uint256 i) external view returns (uint160);

    /// @notice What `trade` would do now; changes nothing.
    function quote(uint256 i, address tokenIn, uint256 amountIn)
        external
        returns (uint256 spent, uint256 received, uint160 sqrtPriceAfterX96);

    /// @notice Sells custody on venue `i`, exact input. Reverts when less than `minOut` comes back.
    function trade(uint256 i, address tokenIn, uint256 amountIn, uint256 minOut)
        external
        returns (uint256 spent, uint256 received, uint160 sqrtPriceAfterX96);

    /// @notice Gives custody to the liquidity providers of venue `i`.
    /// @return donated the amount given.
    function donate(uint256 i, address token, uint256 amount) external returns (uint256 donated);

    /// @notice Reads this rule's state; keys are 0 to 63, a slot never written is 0.
    function load(uint256 key) external view returns (uint256 value);

    /// @notice Writes this rule's state.
    /// @return previous the value before.
    function store(uint256 key, uint256 value) external returns (uint256 previous);
}

/// @notice A settlement mechanism.
interface IClearingRule {
    /// @notice Clears one batch. Custody of every order's `sellAmount` is with `msg.sender`, the kernel.
    /// @return fills one fill per order, in the order given.
    function clear(Order[] calldata orders) external returns (Fill[] memory fills);
}
