// What `anneal plan` knows of a device: memory, arithmetic and exchange rates, with their source.
#pragma once

#include <string>
#include <vector>

namespace anneal {

struct DeviceKind {
  std::string name;              ///< as on the command line
  std::string description;
  double memory_bytes = 0;       ///< of one device; a CPU's is asked of the system
  double matmul_flops = 0;       ///< dense bf16 FLOP/s by the data sheet; 0: measured (CPU)
  double node_link_bytes_s = 0;  ///< one direction, a device to the others of its node
  double net_link_bytes_s = 0;   ///< one direction, a device's share of the network between nodes
  int devices_per_node = 8;
  bool is_cpu() const { return matmul_flops == 0; }
};

/// "cpu", "a100", "h100" or "h200". Throws UsageError for another name.
const DeviceKind& device_kind(const std::string& name);
std::vector<std::string> device_kind_names();

/// Share of the data sheet's arithmetic that training reaches on a GPU: the assumption of the recipes'
/// headers, not a measurement of this program.
constexpr double kAssumedUtilization = 0.40;

}  // namespace anneal
