// anneal: parse, build the world, run one command, map an exception to an exit code.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <optional>
#include <thread>

#include <malloc.h>

#include "base/error.h"
#include "base/version.h"
#include "launch/command.h"
#include "launch/stop_signals.h"
#include "launch/supervisor.h"
#include "trainer/tensor_memory.h"

namespace anneal {
namespace {

constexpr const char* kFooter = R"(Examples:
  mpirun -n 2 anneal run recipes/quickstart/pipeline.yaml
  anneal train recipes/quickstart/cpt.yaml --set train.steps=100
  anneal score my_crystals.csv --out runs/score
  anneal generate --model runs/quickstart/cif_peft --crystals 10

Exit codes: 0 done, 1 unexpected, 2 usage or recipe, 3 data, file or checkpoint,
4 communication or hardware, 5 non-finite numbers beyond the policy,
6 asked to leave (SIGTERM, SIGUSR1, train.walltime): training is saved, the same command goes on.

Environment: ANNEAL_TILE_UNITS=off makes large fp32 products with a library instead of the processor's bf16
tile units (docs/numerics.md); ANNEAL_CHGNET is the file of CHGNet's weights, ANNEAL_FACTS_DIR the folder of
the facts that crystal tasks ask for.)";

constexpr const char* kOutOfMemory =
    "out of memory\nhint: fewer rows at once (train.micro_batch, generate.batch), or more ranks";

int environment_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}) {
    if (const char* value = std::getenv(name)) return std::atoi(value);
  }
  return 0;
}

/// Ends all ranks with one message: rank 0 speaks at once; the others give those before them a moment, since
/// most errors are the same everywhere, and are ended by mpirun while they wait.
[[noreturn]] void fail(const std::optional<World>& world, ExitCode code, const std::string& message) {
  const int rank = environment_rank();
  // Who is being ended by mpirun has lost the others for that reason.
  if (code == ExitCode::kCommunication && StopSignals::received() == "SIGTERM") std::_Exit(static_cast<int>(code));
  if (rank != 0) std::this_thread::sleep_for(std::chrono::milliseconds(std::min(1500 + 400 * (rank - 1), 20000)));
  const std::string who = rank == 0 ? "" : fmt::format(" (rank {})", rank);
  std::fprintf(stderr, "anneal: error%s: %s\n", who.c_str(), message.c_str());
  std::fflush(stderr);
  if (world && world->group().size() > 1) world->group().abort(static_cast<int>(code));
  std::fflush(stdout);
  std::_Exit(static_cast<int>(code));
}

/// Not an error: all ranks left together.
int say_stopped(const Stopped& stopped) {
  if (environment_rank() == 0) {
    std::fprintf(stderr, "anneal: stopped: %s\n", stopped.full_message().c_str());
    std::fflush(stderr);
  }
  return static_cast<int>(stopped.code());
}

int run(int argc, char** argv, RankStatus* status, std::chrono::steady_clock::time_point started) {
  CLI::App app{"Turns a LLaMA into a materials-science model, and judges the crystals it generates."};
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("anneal ") + kVersion);
  bool quiet = false;
  app.add_flag("--quiet,-q", quiet, "Print warnings and errors only");
  app.fallthrough();
  const std::vector<Command> commands = {
      add_run(app),     add_prepare(app), add_train(app),     add_generate(app),
      add_score(app),   add_match(app),   add_eval(app),      add_convert(app),
      add_tokenizer(app), add_logits(app), add_inspect(app),  add_chat(app),
      add_report(app),  add_plan(app),    add_check(app),
      add_evaluate(app)};
  // Also a flag of each command, so that its own help lists it.
  const std::function<void(CLI::App*)> add_quiet = [&](CLI::App* command) {
    command->add_flag("--quiet,-q", quiet, "Print warnings and errors only");
    for (CLI::App* inner : command->get_subcommands({})) add_quiet(inner);
  };
  for (const auto& command : commands) add_quiet(command.app);
  const bool speaks = environment_rank() == 0;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return speaks ? app.exit(error) : 0;  // --help, --version
    if (speaks) {
      std::fprintf(stderr, "anneal: error: %s\nhint: anneal --help, or anneal COMMAND --help\n",
                   error.what());
    }
    return static_cast<int>(ExitCode::kUsage);
  }
  std::optional<World> world;
  try {
    world.emplace(status);
    for (const auto& command : commands) {
      if (!command.app->parsed()) continue;
      return command.action({*world, Log(world->group().is_root(), quiet), started});
    }
    return static_cast<int>(ExitCode::kUsage);
  } catch (const Stopped& stopped) {
    return say_stopped(stopped);
  } catch (const Error& error) {
    fail(world, error.code(), error.full_message());
  } catch (const std::bad_alloc&) {
    fail(world, ExitCode::kCommunication, kOutOfMemory);
  } catch (const std::exception& error) {
    // torch's allocator throws its own type, known by its words.
    if (std::string(error.what()).find("allocate memory") != std::string::npos) {
      fail(world, ExitCode::kCommunication, kOutOfMemory);
    }
    fail(world, ExitCode::kUnexpected, fmt::format("unexpected: {}", error.what()));
  }
}

}  // namespace
}  // namespace anneal

int main(int argc, char** argv) {
  const auto started = std::chrono::steady_clock::now();
  anneal::RankStatus* status = anneal::make_shared_rank_status();
  anneal::supervise_rank(status);
  anneal::install_stop_signals();
  // Activations are freed and taken again every step: keep their memory instead of giving it back to
  // the system. Large tensors have their own way; malloc's is for the rest.
  anneal::keep_tensor_memory();
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  std::signal(SIGPIPE, SIG_IGN);
  return anneal::run(argc, argv, status, started);
}
