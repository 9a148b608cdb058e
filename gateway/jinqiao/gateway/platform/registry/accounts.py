"""Who asks something of the platform: an account, and the keys that prove it.

An account sees some products, or all. What it does not see does not exist for it: it is refused as unknown, so that
asking tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["OPERATOR", "AccessKey", "Account"]


@dataclass(frozen=True, slots=True)
class Account:
    """`products` are the product keys it sees; None: all, those that come later included.

    One that is `read_only` may ask by cloud calls, and change nothing.
    """

    name: str
    products: frozenset[str] | None = None
    read_only: bool = False

    def sees(self, product_key: str) -> bool:
        return self.products is None or product_key in self.products


#: Who runs the sandbox: the command line, tests, a console without accounts.
OPERATOR = Account("operator")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key of the cloud side (AccessKeyId, AccessKeySecret) and whose it is."""

    id: str
    secret: str = field(repr=False)
    products: frozenset[str] | None = None
    read_only: bool = False

    @property
    def account(self) -> Account:
        return Account(self.id, self.products, self.read_only)
