#include "launch/stop_signals.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/error.h"

namespace anneal {

namespace {

// A signal handler can reach nothing but this.
volatile sig_atomic_t received_signal = 0;
volatile sig_atomic_t remembers = 0;

extern "C" void on_stop_signal(int number) {
  if (!remembers) ::_exit(static_cast<int>(ExitCode::kStopped));
  received_signal = number;
}

}  // namespace

void install_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGTERM, SIGUSR1}) ::sigaction(number, &action, nullptr);
}

StopSignals::StopSignals() { remembers = 1; }

StopSignals::~StopSignals() { remembers = 0; }

std::string StopSignals::received() {
  switch (received_signal) {
    case 0:
      return "";
    case SIGTERM:
      return "SIGTERM";
    default:
      return "SIGUSR1";
  }
}

}  // namespace anneal
