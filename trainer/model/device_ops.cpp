#include "trainer/model/device_ops.h"

#include <cstring>

namespace anneal {

namespace {

template <class T>
at::Tensor copied(std::span<const T> values, at::ScalarType type, at::Device device) {
  at::Tensor host = at::empty({static_cast<std::int64_t>(values.size())},
                              at::TensorOptions().dtype(type).pinned_memory(device.is_cuda()));
  if (!values.empty()) std::memcpy(host.data_ptr(), values.data(), values.size_bytes());
  return device.is_cpu() ? host : host.to(device, /*non_blocking=*/true);
}

/// With enough digits to work with.
at::Tensor wide(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
}

}  // namespace

at::Tensor on_device(std::span<const std::int32_t> values, at::Device device) {
  return copied(values, at::kInt, device);
}
at::Tensor on_device(std::span<const std::int64_t> values, at::Device device) {
  return copied(values, at::kLong, device);
}

void assign_product(at::Tensor& to, const at::Tensor& a, const at::Tensor& b, double alpha) {
  if (to.scalar_type() == a.scalar_type()) {
    to.addmm_(a, b, /*beta=*/0, alpha);
  } else {
    to.copy_(at::mm(a, b));
    if (alpha != 1) to.mul_(alpha);
  }
}

namespace device {

void rms_norm_forward(const at::Tensor& x_ND, const at::Tensor& w_D, double eps, at::Tensor& y_ND,
                      at::Tensor& rstd_N) {
  const at::Tensor x = wide(x_ND);
  rstd_N.copy_(x.square().mean(1).add_(eps).rsqrt_());
  rms_norm_again(x, w_D, rstd_N, y_ND);
}

void rms_norm_again(const at::Tensor& x_ND, const at::Tensor& w_D, const at::Tensor& rstd_N,
                    at::Tensor& y_ND) {
  y_ND.copy_((wide(x_ND) * rstd_N.unsqueeze(1)).mul_(wide(w_D)));
}

void rms_norm_backward(const at::Tensor& dy_ND, const at::Tensor& x_ND, const at::Tensor& w_D,
                       const at::Tensor& rstd_N, at::Tensor& dx_ND, at::Tensor& dw_D) {
  const at::Tensor x = wide(x_ND), dy = wide(dy_ND), r = rstd_N.unsqueeze(1);
  if (dw_D.defined()) dw_D.copy_((dy * x).mul_(r).sum(0));
  // dx = r w dy - x r^3 / D * sum(x w dy)
  const at::Tensor wdy = dy * wide(w_D);
  const at::Tensor back =
      (x * wdy).sum(1, /*keepdim=*/true) * (r * r * r / static_cast<double>(x.size(1)));
  dx_ND.copy_((wide(dx_ND) + wdy * r).sub_(x * back));
}

void rotary_in_place(at::Tensor& heads_NE, std::int64_t heads, std::int64_t head_dim,
                     const at::Tensor& positions_N, const RotaryTable& table, bool inverse) {
  at::Tensor pairs = heads_NE.narrow(1, 0, heads * head_dim).unflatten(1, {heads, 2, head_dim / 2});
  at::Tensor first = pairs.select(2, 0), second = pairs.select(2, 1);
  const at::Tensor c = table.cos.index_select(0, positions_N).unsqueeze(1);
  at::Tensor s = table.sin.index_select(0, positions_N).unsqueeze(1);
  if (inverse) s = s.neg();
  const at::Tensor a = wide(first).clone(), b = wide(second).clone();
  first.copy_(a * c - b * s);
  second.copy_(b * c + a * s);
}

void swiglu_forward(const at::Tensor& gu_N2F, at::Tensor& act_NF) {
  const std::int64_t f = act_NF.size(1);
  act_NF.copy_(at::silu(wide(gu_N2F.narrow(1, 0, f))).mul_(wide(gu_N2F.narrow(1, f, f))));
}

void swiglu_backward(const at::Tensor& dact_NF, at::Tensor& gu_N2F, at::Tensor& act_NF) {
  const std::int64_t f = act_NF.size(1);
  at::Tensor gate = gu_N2F.narrow(1, 0, f), up = gu_N2F.narrow(1, f, f);
  const at::Tensor g = wide(gate), u = wide(up), d = wide(dact_NF);
  const at::Tensor sigmoid = g.sigmoid(), silu = g * sigmoid;
  act_NF.copy_(silu * u);
  const at::Tensor dgate = d * u * (sigmoid + silu * (1 - sigmoid));
  up.copy_(d * silu);
  gate.copy_(dgate);
}

at::Tensor dropped(const at::Tensor& x_NI, double rate, const at::Tensor& keys_N) {
  const auto threshold =
      static_cast<std::int64_t>(static_cast<std::uint32_t>(rate * static_cast<double>(1ull << 32)));
  // mix64 (base/random.h) on 64-bit integers, whose right shift repeats the sign: the mask takes it
  // away.
  const auto shifted = [](const at::Tensor& x, std::int64_t bits) {
    return x.bitwise_right_shift(bits).bitwise_and_((std::int64_t{1} << (64 - bits)) - 1);
  };
  const auto number = [](std::uint64_t bits) { return static_cast<std::int64_t>(bits); };
  at::Tensor x = keys_N.unsqueeze(1) + at::arange(x_NI.size(1), keys_N.options());
  x.add_(number(0x9E3779B97F4A7C15ull));
  x = x.bitwise_xor(shifted(x, 30)).mul_(number(0xBF58476D1CE4E5B9ull));
  x = x.bitwise_xor(shifted(x, 27)).mul_(number(0x94D049BB133111EBull));
  x = x.bitwise_xor(shifted(x, 31)).bitwise_and_(0xFFFFFFFFll);
  const at::Tensor kept = (x >= threshold).to(x_NI.scalar_type());
  return kept.mul_(1.0 / (1.0 - rate)).mul_(x_NI);
}

}  // namespace device
}  // namespace anneal
