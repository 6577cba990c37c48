// The validity rules of others beside CDVAE's, as parts of a score: a field of each rule and a
// verdict of each family for every crystal, their rates in the summary.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cif/score_part.h"

namespace anneal {

/// Names of the families that can be asked for: "symmetry", "crystallm", "lemat", "self_images".
/// CDVAE's rule is always judged.
const std::vector<std::string>& family_names();

/// The parts that judge these families, in the order of family_names(). "symmetry" is no rule: it
/// adds the space group. Throws UsageError for an unknown
/// name. `cutoff_a`: the shortest valid distance (Angstrom), also to a site's own images.
std::vector<std::shared_ptr<ScorePart>> family_parts(const std::vector<std::string>& names,
                                                     double cutoff_a = 0.5);

}  // namespace anneal
