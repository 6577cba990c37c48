// Means and standard deviations of the Magpie vector over a training set of CDVAE (Xie et al. 2022):
// the metrics of CDVAE, CrystalLLM, CrystaLLM and LLaMat all measure compositions in these units.
#pragma once

namespace anneal {

extern const double kCompositionMeans[132];
extern const double kCompositionDeviations[132];

}  // namespace anneal
