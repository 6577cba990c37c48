#include "trainer/device_kind.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"

namespace anneal {

namespace {
constexpr double kGiB = 1024.0 * 1024 * 1024;

// NVIDIA's data sheets: A100 80GB SXM (2021), H100 SXM (2022), H200 SXM (2023); dense bf16 rates (the
// sheets print them with sparsity, twice as high). NVLink rates are both directions together there.
// Memory: what the driver leaves of 80, 80 and 141 GB. Network: a 200 or 400 Gbit/s adapter a GPU, as in
// DGX A100 and DGX H100.
const std::array<DeviceKind, 4> kKinds = {{
    {"cpu", "this machine's processor, measured", 0, 0, 0, 0, 1},
    {"a100", "A100 SXM, 80 GB", 79.3 * kGiB, 312e12, 300e9, 25e9, 8},
    {"h100", "H100 SXM, 80 GB", 79.1 * kGiB, 989e12, 450e9, 50e9, 8},
    {"h200", "H200 SXM, 141 GB", 139.8 * kGiB, 989e12, 450e9, 50e9, 8},
}};
}  // namespace

std::vector<std::string> device_kind_names() {
  std::vector<std::string> names;
  for (const auto& kind : kKinds) names.push_back(kind.name);
  return names;
}

const DeviceKind& device_kind(const std::string& name) {
  const auto found = std::find_if(kKinds.begin(), kKinds.end(),
                                  [&](const DeviceKind& kind) { return kind.name == name; });
  if (found != kKinds.end()) return *found;
  throw UsageError(fmt::format("--device {}: there is no such device", name),
                   fmt::format("known: {}; did you mean {}?", fmt::join(device_kind_names(), ", "),
                               nearest_name(name, device_kind_names())));
}

}  // namespace anneal
