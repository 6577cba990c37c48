// libFuzzer target: any bytes as a CIF file.
#include "cif/cif_file.h"
#include "tests/fuzz/check.h"

using namespace anneal;
using anneal::fuzz::require;

namespace {

/// Cells of ordinary size, which eight decimals can hold.
bool printable(const UnitCell& cell) {
  for (const double length : {cell.a, cell.b, cell.c}) {
    if (!(length > 0.1 && length < 1e4)) return false;
  }
  return cell.angle_determinant() > 1e-3;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& block : read_cif_blocks(text)) {
    fuzz::require_verdict(block.parsed);
    const auto& crystal = block.parsed.crystal;
    if (!crystal || !printable(crystal->cell)) continue;
    const auto again = read_cif(write_cif(*crystal, block.name));
    require(again.crystal.has_value(), "what is written can be read: " + again.detail);
    require(again.crystal->composition() == crystal->composition(), "with the same atoms");
  }
  fuzz::require_verdict(read_cif(text));
  return 0;
}
