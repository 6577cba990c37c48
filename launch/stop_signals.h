// SIGTERM and SIGUSR1: while a stage trains they ask it to save and leave; elsewhere they end the
// process at once, with the same exit code 6, since the same command goes on from the last finished
// thing. SIGUSR1 is the one that mpirun passes on; SIGTERM to mpirun leaves the ranks one second.
#pragma once

#include <string>

namespace anneal {

/// Once, in a rank's process, before MPI starts.
void install_stop_signals();

/// While it lives, the signals are remembered instead of ending the process.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  /// The name of the signal that came, or "".
  static std::string received();
};

}  // namespace anneal
