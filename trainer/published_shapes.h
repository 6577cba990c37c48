// Shapes of published LLaMAs, known by the name of their folder: a plan needs no weights.
#pragma once

#include <optional>
#include <string>

#include "trainer/model_shape.h"

namespace anneal {

/// The shape of the model whose usual name ends `path` ("data/models/llama-2-7b"; case and "-hf" do not
/// matter); nothing if it is not known. Source: the models' papers (Touvron et al. 2023, table 1 of the
/// appendix; Grattafiori et al. 2024, table 3; the model cards of Llama 3.2).
std::optional<ModelShape> published_shape(const std::string& path);

/// The names that are known, for messages.
std::string published_names();

}  // namespace anneal
