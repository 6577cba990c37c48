// How a LLaMA is cut into units (embedding, one a block, head; with adapters one more a block) and how
// a unit's flat buffer is seen as the weights of a block.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "parallel/unit.h"
#include "recipes/schema.h"
#include "trainer/model/block.h"
#include "trainer/model_shape.h"

namespace anneal {

/// "model.embed_tokens.weight" [V, D]; a tied head uses it too.
UnitLayout embedding_layout(const ModelShape& shape);
/// Block `layer`: norms and the fused q/k/v and gate/up matrices without gaps.
UnitLayout block_layout(const ModelShape& shape, std::int64_t layer);
/// "model.norm.weight" [D] and, unless tied, "lm_head.weight" [V, D].
UnitLayout head_layout(const ModelShape& shape);
/// lora_A and lora_B of every target of block `layer`, named "<module>.lora_A.weight".
UnitLayout adapter_layout(const ModelShape& shape, std::int64_t layer, const AdapterOptions& options);

/// A parameter's view into a flat buffer.
at::Tensor parameter_view(const at::Tensor& flat, const ParameterSlot& slot);
/// The block's matrices as views into its flat buffer; the same for weights and gradients.
BlockWeights block_view(const at::Tensor& flat, const UnitLayout& layout, const ModelShape& shape);
/// Gradients without those whose parameters are all frozen (undefined: not computed).
BlockWeights trained_view(BlockWeights gradients, const UnitLayout& layout);
/// The block's adapters as views.
BlockAdapters adapter_view(const at::Tensor& flat, const UnitLayout& layout);

}  // namespace anneal
