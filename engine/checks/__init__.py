"""What can be found in a pack without a model: `check_pack`, and the `CATALOGUE` of its codes."""

from engine.checks.catalogue import CATALOGUE as CATALOGUE
from engine.checks.check import check_pack as check_pack
