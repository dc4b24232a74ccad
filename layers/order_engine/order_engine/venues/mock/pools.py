"""The pools' arithmetic: the payout for an input amount, and the price impact of the trade."""

from dataclasses import dataclass
from decimal import Decimal

from order_engine.domain.errors import InsufficientLiquidity
from order_engine.domain.routes import BPS


@dataclass(frozen=True, slots=True)
class Payout:
    """Whole tokens out, net of the fee; the fee and the price impact in bps."""

    amount_out: Decimal
    fee_bps: Decimal
    price_impact_bps: Decimal


@dataclass(frozen=True, slots=True)
class ConstantProductPool:
    """Reserves x and y; a trade keeps x * y constant. Like Raydium's standard pools."""

    reserve_in: Decimal
    reserve_out: Decimal
    fee_bps: Decimal

    @property
    def spot_price(self) -> Decimal:
        """Tokens out per token in for a small amount, net of the fee."""
        return self.reserve_out / self.reserve_in * (1 - self.fee_bps / BPS)

    def pay_out(self, amount_in: Decimal) -> Payout:
        """What `amount_in` buys."""
        paid_in = amount_in * (1 - self.fee_bps / BPS)
        amount_out = self.reserve_out * paid_in / (self.reserve_in + paid_in)
        return Payout(amount_out, self.fee_bps, _bps(paid_in / (self.reserve_in + paid_in)))


@dataclass(frozen=True, slots=True)
class BinPool:
    """Liquidity in price bins, each `bin_step_bps` below the one before. Like Meteora's DLMM pools.

    The price is constant within a bin. The fee is dynamic: it grows with the number of bins that the trade crosses.
    """

    price: Decimal
    bin_size: Decimal
    bins: int
    bin_step_bps: Decimal
    base_fee_bps: Decimal

    @property
    def spot_price(self) -> Decimal:
        """Tokens out per token in within the first bin, net of the fee."""
        return self.price * (1 - self.base_fee_bps / BPS)

    def pay_out(self, amount_in: Decimal) -> Payout:
        """What `amount_in` buys; each bin absorbs `bin_size`. Raises InsufficientLiquidity past the last bin."""
        if amount_in > self.bin_size * self.bins:
            raise InsufficientLiquidity()
        crossed = int(amount_in // self.bin_size)
        fee_bps = self.base_fee_bps + min(Decimal(crossed), Decimal(100)) / 2
        step = 1 - self.bin_step_bps / BPS
        # The full bins are a geometric series; the last one is used in part.
        full = self.bin_size * self.price * (1 - step**crossed) / (1 - step)
        rest = (amount_in - self.bin_size * crossed) * self.price * step**crossed
        gross = full + rest
        return Payout(gross * (1 - fee_bps / BPS), fee_bps, _bps(1 - gross / (amount_in * self.price)))


def _bps(share: Decimal) -> Decimal:
    return (share * BPS).quantize(Decimal("0.01"))
