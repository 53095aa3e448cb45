// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

interface IERC20 {
    function transfer(address to, uint256 value) external returns (bool);
    function balanceOf(address owner) external view returns (uint256);
}

interface IPool {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function getReserves() external view returns (uint112, uint112, uint32);
    function swap(uint256 out0, uint256 out1, address to, bytes calldata data) external;
    function sync() external;
    function swap(address to, bool zeroForOne, int256 amount, uint160 limit, bytes calldata data)
        external
        returns (int256, int256);
    function mint(address to, int24 lower, int24 upper, uint128 liquidity, bytes calldata data)
        external
        returns (uint256, uint256);
    function burn(int24 lower, int24 upper, uint128 liquidity) external returns (uint256, uint256);
    function collect(address to, int24 lower, int24 upper, uint128 most0, uint128 most1)
        external
        returns (uint128, uint128);
    function flash(address to, uint256 amount0, uint256 amount1, bytes calldata data) external;
}

/// @title An ERC-20 token that answers to symbol() and decimals() whatever bytes it was given, or with nothing
/// @notice Anyone may mint. So it can be MKR with its bytes32 symbol, a token that tells nothing, or one that lies.
contract Coin {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public totalSupply;
    bytes private symbolAnswer;
    bytes private decimalsAnswer;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    constructor(bytes memory symbol_, bytes memory decimals_) {
        symbolAnswer = symbol_;
        decimalsAnswer = decimals_;
    }

    function symbol() external view {
        _answer(symbolAnswer);
    }

    function decimals() external view {
        _answer(decimalsAnswer);
    }

    function _answer(bytes memory answer) private pure {
        assembly {
            return(add(answer, 32), mload(answer))
        }
    }

    function mint(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        allowance[from][msg.sender] -= value;
        _move(from, to, value);
        return true;
    }

    function _move(address from, address to, uint256 value) private {
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}

/// @title Whoever deals with pools without a router: takes, provides, borrows and gives, with its own tokens
contract Bot {
    error StepFailed(uint256 index);

    /// @notice Does several things in one transaction. Where `must` is not set, a step that fails leaves no trace.
    function run(bytes[] calldata steps, bool must) external {
        for (uint256 i = 0; i < steps.length; i++) {
            (bool ok,) = address(this).call(steps[i]);
            if (must && !ok) revert StepFailed(i);
        }
    }

    /// @notice Does something and then fails.
    function fail(bytes calldata step) external {
        (bool ok,) = address(this).call(step);
        require(ok && false, "on purpose");
    }

    // ------------------------------------------------------------------ v2

    /// @notice Pays `amountIn` and takes what the pair allows, less `shaved`.
    function swapV2(address pair, bool zeroForOne, uint256 amountIn, uint256 shaved) external {
        (uint256 r0, uint256 r1,) = IPool(pair).getReserves();
        (uint256 rIn, uint256 rOut) = zeroForOne ? (r0, r1) : (r1, r0);
        address token = zeroForOne ? IPool(pair).token0() : IPool(pair).token1();
        _give(token, pair, amountIn);
        uint256 got = IERC20(token).balanceOf(pair) - rIn;
        uint256 out = got * 997 * rOut / (rIn * 1000 + got * 997) - shaved;
        IPool(pair).swap(zeroForOne ? 0 : out, zeroForOne ? out : 0, address(this), "");
    }

    /// @notice Borrows both tokens and pays them back with the fee, all in one swap.
    function flashV2(address pair, uint256 amount0, uint256 amount1) external {
        IPool(pair).swap(amount0, amount1, address(this), "flash");
    }

    /// @notice Gives tokens to a pair and makes it take note.
    function giveV2(address pair, bool token0, uint256 amount) external {
        _give(token0 ? IPool(pair).token0() : IPool(pair).token1(), pair, amount);
        IPool(pair).sync();
    }

    function uniswapV2Call(address, uint256 amount0, uint256 amount1, bytes calldata) external {
        if (amount0 > 0) _give(IPool(msg.sender).token0(), msg.sender, amount0 * 1000 / 997 + 1);
        if (amount1 > 0) _give(IPool(msg.sender).token1(), msg.sender, amount1 * 1000 / 997 + 1);
    }

    // ------------------------------------------------------------------ v3

    /// @notice A positive amount is paid exactly, a negative one taken exactly, unless the price gets to `limit`.
    function swapV3(address pool, bool zeroForOne, int256 amount, uint160 limit) external {
        IPool(pool).swap(address(this), zeroForOne, amount, limit, "");
    }

    function mintV3(address pool, int24 lower, int24 upper, uint128 liquidity) external {
        IPool(pool).mint(address(this), lower, upper, liquidity, "");
    }

    function burnV3(address pool, int24 lower, int24 upper, uint128 liquidity) external {
        IPool(pool).burn(lower, upper, liquidity);
    }

    function collectV3(address pool, int24 lower, int24 upper) external {
        IPool(pool).collect(address(this), lower, upper, type(uint128).max, type(uint128).max);
    }

    /// @notice Borrows and pays back with the pool's fee and `extra` on top of each.
    function flashV3(address pool, uint256 amount0, uint256 amount1, uint256 extra) external {
        IPool(pool).flash(address(this), amount0, amount1, abi.encode(amount0, amount1, extra));
    }

    function uniswapV3SwapCallback(int256 owed0, int256 owed1, bytes calldata) external {
        if (owed0 > 0) _give(IPool(msg.sender).token0(), msg.sender, uint256(owed0));
        if (owed1 > 0) _give(IPool(msg.sender).token1(), msg.sender, uint256(owed1));
    }

    function uniswapV3MintCallback(uint256 owed0, uint256 owed1, bytes calldata) external {
        if (owed0 > 0) _give(IPool(msg.sender).token0(), msg.sender, owed0);
        if (owed1 > 0) _give(IPool(msg.sender).token1(), msg.sender, owed1);
    }

    function uniswapV3FlashCallback(uint256 fee0, uint256 fee1, bytes calldata data) external {
        (uint256 amount0, uint256 amount1, uint256 extra) = abi.decode(data, (uint256, uint256, uint256));
        _give(IPool(msg.sender).token0(), msg.sender, amount0 + fee0 + extra);
        _give(IPool(msg.sender).token1(), msg.sender, amount1 + fee1 + extra);
    }

    function _give(address token, address to, uint256 amount) private {
        (bool ok,) = token.call(abi.encodeCall(IERC20.transfer, (to, amount)));
        require(ok, "give");
    }
}
