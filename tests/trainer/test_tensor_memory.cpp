// Memory of large tensors: given out again, and never more than was ever in use at once.
#include <ATen/ATen.h>

#include "tests/catch.h"
#include "trainer/tensor_memory.h"

using namespace anneal;

TEST_CASE("large tensors' memory is kept without lifting the peak") {
  keep_tensor_memory();
  const auto floats = [](std::int64_t mib) { return at::empty({mib << 18}, at::kFloat); };
  const std::size_t mib = 1 << 20;
  const auto start = tensor_memory();

  at::Tensor a = floats(8);
  const void* where = a.data_ptr();
  CHECK(tensor_memory().live == start.live + 8 * mib);
  a.reset();
  CHECK(tensor_memory().live == start.live);
  a = floats(8);
  CHECK(a.data_ptr() == where);  // kept, and given out again

  at::Tensor b = floats(8);
  const auto both = tensor_memory();
  REQUIRE(both.peak_live >= start.live + 16 * mib);
  a.reset();
  b.reset();
  at::Tensor c = floats(12);  // nothing kept fits: one of the two must go
  const auto after = tensor_memory();
  CHECK(after.peak_live == both.peak_live);
  CHECK(after.live + after.kept <= after.peak_live);

  at::Tensor small = at::zeros({100});  // malloc's
  CHECK(tensor_memory().live == after.live);
  CHECK(small.sum().item<float>() == 0);
  c.resize_({14 << 18});  // grows through the same door
  c.fill_(1);
  CHECK(c.sum().item<float>() == static_cast<float>(14 << 18));
}
