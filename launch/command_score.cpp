// anneal score: verdicts on crystals of any input; splits over ranks under mpirun.
#include <memory>

#include "cif/validity/families.h"
#include "launch/command.h"
#include "launch/option_checks.h"
#include "launch/scoring.h"

namespace anneal {

namespace {

std::vector<std::string> with_all(std::vector<std::string> names) {
  names.push_back("all");
  return names;
}

void add_comparison_options(CLI::App& command, ScoreReference& reference,
                            std::string& reference_input) {
  const char* group = "Comparison with real crystals";
  command
      .add_option("--reference", reference_input,
                  "Real crystals to compare with (any INPUT): coverage, diversity, novelty, ...")
      ->group(group);
  const auto add = [&](const char* name, auto& value, const char* help) {
    command.add_option(name, value, help)
        ->check(at_least(0))
        ->capture_default_str()
        ->needs("--reference")
        ->group(group);
  };
  add("--struct-cutoff", reference.metrics.struct_cutoff,
      "Coverage: largest distance of structure fingerprints (0.2 for perovskites, carbon)");
  add("--comp-cutoff", reference.metrics.comp_cutoff,
      "Coverage: largest distance of composition fingerprints (4 for perovskites, carbon)");
  add("--compare", reference.most, "How many crystals of INPUT are compared, 0: all");
}

void add_stability_options(CLI::App& command, StabilityRequest& request) {
  const char* group = "Stability";
  command
      .add_flag("--stability", request.on,
                "Energy by CHGNet, relaxation, energy over a convex hull")
      ->group(group);
  const auto add = [&](CLI::Option* option) {
    option->needs("--stability")->group(group);
    return option;
  };
  add(command.add_flag("--no-relax{false}", request.options.relax, "Judge the crystals as given"));
  add(command.add_option("--hull", request.hull,
                         "Known phases, may be repeated: entries (CSV; pymatgen's JSON), or "
                         "crystals (any INPUT but JSONL), whose energies are computed in the same "
                         "way as those judged"));
  auto& relaxation = request.options.relaxation;
  add(command.add_flag("--fixed-cell{false}", relaxation.cell, "Relax positions only"))
      ->excludes("--no-relax");
  add(command.add_option("--fmax", relaxation.max_force_ev_a,
                         "Relaxed when no force is above, eV/A"))
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add(command.add_option("--relax-steps", relaxation.max_steps, "Steps of relaxation at most"))
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  add(command.add_option("--max-atoms", request.options.max_atoms, "Larger crystals, of the hull too, get no energy"))
      ->check(CLI::Range(1, 20'000))
      ->capture_default_str();
}

}  // namespace

Command add_score(CLI::App& app) {
  auto* command =
      app.add_subcommand("score", "Judge crystals: parsed, structurally and compositionally valid");
  command->footer(
      "INPUT: a .cif, a folder of them, a CSV with a column cif, a CSV with columns\n"
      "lengths,angles,species,coords, or JSONL with a field text.\n"
      "Examples:\n"
      "  anneal score ../shared/data/cif/perov_5_val.csv --out runs/score_perov\n"
      "  anneal score runs/quickstart/generate/generations.jsonl --families all \\\n"
      "    --reference runs/quickstart/corpus/crystals_heldout.csv --out runs/score_mine\n"
      "  mpirun -n 2 anneal score my_crystals.csv --stability --hull known_phases.csv --out runs/stable");
  auto request = std::make_shared<ScoreRequest>();
  auto reference = std::make_shared<std::string>();
  auto without_report = std::make_shared<bool>(false);
  command->add_option("INPUT", request->input, "Crystals")->required();
  command->add_option("--out", request->out, "Folder for verdicts.jsonl, summary.json, report.html")
      ->required();
  command
      ->add_option("--min-distance", request->min_distance_a,
                   "Shortest distance that is valid, Angstrom")
      ->check(at_least(0))
      ->capture_default_str();
  command->add_option("--threads", request->threads, "0: one a core")->check(at_least(0));
  command
      ->add_option("--families", request->families,
                   "Judge besides: symmetry (space groups), crystallm, lemat, self_images; all")
      ->delimiter(',')
      ->check(CLI::IsMember(with_all(family_names())));
  command->add_flag("--no-report", *without_report, "Do not write report.html");
  add_comparison_options(*command, request->reference, *reference);
  add_stability_options(*command, request->stability);
  return {command, [=](const CommandContext& context) {
            request->reference.input = *reference;
            request->report = !*without_report;
            run_score(*request, context);
            return 0;
          }};
}

}  // namespace anneal
