"""The tokens that can be traded: symbol, decimals and mint address on Solana."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """A tradable token. Amounts are in whole tokens; `decimals` is the number of decimal places."""

    symbol: str
    decimals: int
    mint: str


TOKENS: dict[str, Token] = {
    token.symbol: token
    for token in (
        Token("SOL", 9, "So11111111111111111111111111111111111111112"),
        Token("USDC", 6, "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
        Token("USDT", 6, "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"),
        Token("RAY", 6, "4k3Dyjzvzp8eMZWUXbBCjEvwSkkk59S5iCNLY3QrkX6R"),
        Token("MET", 6, "METvsvVRapdj9cFLzq4Tr43xK4tAjQfwX76z3n6mWQL"),
        Token("JUP", 6, "JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN"),
        Token("BONK", 5, "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"),
        Token("ABC", 9, "ABCmockToken1111111111111111111111111111111"),  # fictional tokens for the examples
        Token("MOON", 6, "MOoNmockToken111111111111111111111111111111"),
        Token("PUMP", 6, "PUMPmockToken111111111111111111111111111111"),
    )
}
