// anneal plan: memory a rank, tokens/s and hours of a training stage before anything is allocated.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include <sys/wait.h>

#include "base/error.h"
#include "base/text.h"
#include "data/prepare.h"
#include "data/token_stream.h"
#include "launch/command.h"
#include "launch/option_checks.h"
#include "parallel/mesh.h"
#include "trainer/calibration.h"
#include "trainer/initial_weights.h"
#include "trainer/published_shapes.h"
#include "trainer/run_plan.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;
/// What a process holds on a GPU before the model: context, NCCL's buffers, cuBLAS's work space.
constexpr double kGpuRuntimeBytes = 1.5 * kGiB;

/// The same on a CPU where nothing is measured: libraries, generated kernels, buffers of MPI.
constexpr double kCpuRuntimeBytes = 0.15 * kGiB;

struct PlanArguments {
  RecipeArguments recipe;
  int ranks = 0;
  std::string device = "cpu";
  bool calibrate = false;     // set by ourselves, under mpirun
  bool no_calibration = false;
  double calibration_s = 10;
  bool json = false;
};

/// The model's shape without its weights.
ModelShape planned_shape(const Recipe& recipe, const Log& log) {
  if (recipe.model.from.empty()) {
    if (recipe.model.vocab_size > 0) return shape_from_options(recipe.model, recipe.model.vocab_size);
    return shape_from_options(recipe.model, tokenizer_for(recipe).vocab_size());
  }
  if (fs::exists(recipe.model.from)) {
    ModelShape shape = open_weights(recipe.model.from).shape();
    shape.vocab_size = std::max(shape.vocab_size, recipe.model.vocab_size);
    return shape;
  }
  if (auto shape = published_shape(recipe.model.from)) {
    log.info("model.from {} is not there; planned for the published shape of that name", recipe.model.from);
    shape->vocab_size = std::max(shape->vocab_size, recipe.model.vocab_size);
    return *shape;
  }
  throw DataError(fmt::format("model.from: {} is not there, and its name is no published model's", recipe.model.from),
                  fmt::format("plan with the model's folder, or with one of {}: --set model.from=llama-2-7b",
                              published_names()));
}

/// Runs this program again under mpirun, as many ranks as will train; its last line is the result.
Calibration calibrate_under_mpirun(const PlanArguments& a, const Log& log) {
  for (const auto& [name, value] : std::array<std::array<const char*, 2>, 5>{
           {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
            {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
            {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
            {"OMPI_MCA_hwloc_base_binding_policy", "none"},
            {"OMPI_MCA_btl_vader_single_copy_mechanism", "none"}}}) {
    ::setenv(name, value, /*overwrite=*/0);
  }
  const auto quoted_for_shell = [](const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
  };
  std::string command = fmt::format("mpirun -n {} {} plan --calibrate --calibration-s {} --ranks {} {}", a.ranks,
                                    quoted_for_shell(fs::read_symlink("/proc/self/exe").string()), a.calibration_s, a.ranks,
                                    quoted_for_shell(a.recipe.file));
  for (const auto& set : a.recipe.sets) command += " --set " + quoted_for_shell(set);
  log.info("measuring this machine with {} rank(s), about {:.3g} seconds", a.ranks, a.calibration_s);
  FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) throw CommunicationError("mpirun could not be started", "is it on the PATH?");
  std::string output;
  std::array<char, 4096> chunk;
  while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), pipe)) output.append(chunk.data(), got);
  const int status = ::pclose(pipe);
  const auto brace = output.rfind("{\"ranks\"");
  if (status != 0 || brace == std::string::npos) {
    throw CommunicationError(
        fmt::format("the measurement under mpirun failed (exit code {}): {}", WEXITSTATUS(status), trim(output)),
        "plan without it: --no-calibration gives the memory alone");
  }
  return calibration_from_json(output.substr(brace));
}

/// Rounds of measuring that differ by more than this say that others use the machine.
constexpr double kCalmSpread = 1.3;

/// Memory that new processes can take, bytes.
double available_memory() {
  std::ifstream info("/proc/meminfo");
  std::string name, unit;
  double kib = 0;
  while (info >> name >> kib >> unit) {
    if (name == "MemAvailable:") return kib * 1024;
  }
  return 0;
}

/// Steps of the stage, or 0 if only its data would tell.
std::int64_t planned_steps(const Recipe& recipe) {
  if (recipe.train.steps > 0) return recipe.train.steps;
  std::int64_t rows = recipe.data.synthetic_rows;
  if (rows == 0 && fs::exists(shard_folder(recipe))) {
    rows = static_cast<std::int64_t>(TokenStream(shard_folder(recipe), "train", recipe.train.sequence_length,
                                                 recipe.data.isolate_documents, 1).rows_per_epoch());
  }
  return static_cast<std::int64_t>(recipe.train.epochs * static_cast<double>(rows) /
                                   static_cast<double>(recipe.train.global_batch));
}

std::string described_step(const Recipe& recipe, const StepShape& step) {
  return fmt::format("{} row(s) a rank in {} pass(es) of {}, {} tokens a row", step.rows_per_rank, step.passes,
                     step.micro_rows, with_commas(recipe.train.sequence_length));
}

int plan(const PlanArguments& a, const CommandContext& context) {
  const Recipe recipe = load_recipe(a.recipe.file, a.recipe.overrides());
  if (recipe.stage != StageKind::kTrain) {
    throw UsageError(fmt::format("{} is a recipe of stage '{}', a plan is for 'train'", a.recipe.file,
                                 to_string(recipe.stage)));
  }
  check_mesh(a.ranks, recipe.train.replicate);
  const Log& log = context.log;
  const DeviceKind& device = device_kind(a.device);
  const ModelShape shape = planned_shape(recipe, log);
  if (a.calibrate) {
    const Calibration result = calibrate(shape, recipe, context.group(), context.world.ranks_on_node(), a.calibration_s);
    if (context.group().is_root()) fmt::print("{}\n", to_json(result));
    return 0;
  }
  if (context.group().size() > 1) {
    throw UsageError("anneal plan is called without mpirun", "it starts the ranks it measures itself: anneal plan RECIPE --ranks N");
  }
  log.info("model: {}", shape.describe());
  log.info("{} rank(s) on {}; {}", a.ranks, device.description, described_step(recipe, step_shape(recipe.train, a.ranks)));

  // Memory first: measuring a recipe that cannot fit could end in the middle of it.
  const double node_bytes = device.is_cpu() ? available_memory() : device.memory_bytes;
  const double room = device.is_cpu() ? node_bytes / a.ranks : node_bytes;
  double runtime = device.is_cpu() ? kCpuRuntimeBytes : kGpuRuntimeBytes;
  const double first_guess = memory_plan(shape, recipe, a.ranks, device, runtime).total_bytes();
  Calibration measured;
  const bool measure = device.is_cpu() && !a.no_calibration && first_guess <= room;
  if (measure) {
    measured = calibrate_under_mpirun(a, log);
    runtime = measured.runtime_bytes;
    if (measured.round_spread > kCalmSpread) {
      log.warn("equal rounds of measuring differed {:.1f} times in time: something else uses this machine, and a step will be as uneven",
               measured.round_spread);
    }
  }
  const MemoryPlan memory = memory_plan(shape, recipe, a.ranks, device, runtime);
  log.info("");
  log.info("{:<44} {:>9}   {}", "peak memory of a rank", "GiB", "formula");
  for (const auto& item : memory.items) log.info("  {:<42} {:>9.3f}   {}", item.what, item.bytes / kGiB, item.formula);
  log.info("  {:<42} {:>9.3f}   of {:.1f} that {}", "together", memory.total_bytes() / kGiB, room / kGiB,
           device.is_cpu() ? "the memory free now gives each rank" : "one device has");
  TimePlan time;
  if (measure) time = cpu_time_plan(shape, recipe, a.ranks, measured);
  if (!device.is_cpu()) time = gpu_time_plan(shape, recipe, a.ranks, device);
  const std::int64_t steps = planned_steps(recipe);
  if (time.step_s > 0) {
    log.info("");
    log.info("{:<44} {:>9.3f}   {}", "seconds a step", time.step_s,
             device.is_cpu() ? fmt::format("measured parts: {:.3f} s blocks and head, {:.3f} s update", time.compute_s, time.update_s)
                             : fmt::format("arithmetic {:.3f} s at {:.0f} % of the data sheet, exchange {:.3f} s (the longer counts), update {:.3f} s",
                                           time.compute_s, 100 * kAssumedUtilization, time.exchange_s, time.update_s));
    log.info("{:<44} {:>9}   all ranks", "tokens a second", with_commas(static_cast<std::int64_t>(time.tokens_per_second)));
    if (steps > 0) {
      log.info("{:<44} {:>9.2f}   {} steps", "hours", static_cast<double>(steps) * time.step_s / 3600, with_commas(steps));
    } else {
      log.info("{:<44} {:>9.2f}   (train.steps is 0 and there are no shards yet: the length is not known)",
               "hours for 1,000,000,000 tokens", 1e9 / time.tokens_per_second / 3600);
    }
  }
  if (a.json) {
    nlohmann::ordered_json json = {{"ranks", a.ranks}, {"device", device.name},
                                   {"memory_bytes", memory.total_bytes()}, {"available_bytes", room},
                                   {"fits", memory.total_bytes() <= room}};
    for (const auto& item : memory.items) json["memory"][item.what] = item.bytes;
    if (time.step_s > 0) {
      json["step_seconds"] = time.step_s;
      json["tokens_per_second"] = time.tokens_per_second;
      if (measure) json["round_spread"] = measured.round_spread;
      if (steps > 0) json["hours"] = static_cast<double>(steps) * time.step_s / 3600;
    }
    fmt::print("{}\n", json.dump());
  }
  if (memory.total_bytes() <= room) return 0;
  std::string hint;
  for (const auto& remedy : remedies(shape, recipe, a.ranks, device, runtime, node_bytes)) {
    hint += fmt::format("{}{} ({:.1f} GiB a rank)", hint.empty() ? "it would fit with " : ", or with ", remedy.change,
                        remedy.total_bytes / kGiB);
  }
  throw UsageError(fmt::format("a rank would need {:.1f} GiB, and there are {:.1f}", memory.total_bytes() / kGiB, room / kGiB),
                   hint.empty() ? "no change of the recipe brings it down far enough: a smaller model, or devices with more memory" : hint);
}

}  // namespace

Command add_plan(CLI::App& app) {
  auto* command = app.add_subcommand("plan", "Memory a rank, tokens/s and hours of a training stage, before anything is allocated");
  command->footer("Called without mpirun. On cpu the parts of a step are measured for about ten seconds; the other\n"
                  "devices go by their data sheets. Exit code 2 if it cannot fit, with what would make it fit.\n"
                  "Examples:\n"
                  "  anneal plan recipes/quickstart/cpt.yaml --ranks 2 --set tokenizer.path=runs/quickstart/tokenizer\n"
                  "  anneal plan recipes/llamat2/cpt.yaml --ranks 8 --device h100");
  auto a = std::make_shared<PlanArguments>();
  add_recipe_arguments(*command, a->recipe);
  command->add_option("--ranks", a->ranks, "Ranks that will train: processes on cpu, GPUs otherwise")->required()->check(CLI::Range(1, 65536));
  command->add_option("--device", a->device, "cpu, a100, h100 or h200");
  command->add_flag("--no-calibration", a->no_calibration, "cpu: memory only, nothing is measured");
  command->add_flag("--json", a->json, "The figures as one JSON object on the last line");
  command->add_option("--calibration-s", a->calibration_s, "cpu: seconds of measuring at most; fewer tell times less well")
      ->check(CLI::Range(0.0, 3600.0))->capture_default_str();
  command->add_flag("--calibrate", a->calibrate)->group("");
  return {command, [=](const CommandContext& context) { return plan(*a, context); }};
}

}  // namespace anneal
