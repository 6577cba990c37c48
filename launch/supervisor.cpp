#include "launch/supervisor.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

namespace anneal {

namespace {

volatile sig_atomic_t rank_process = 0;

extern "C" void forward_signal(int signal_number) {
  if (rank_process > 0) ::kill(static_cast<pid_t>(rank_process), signal_number);
}

[[noreturn]] void wait_for(pid_t child, const char* rank) {
  rank_process = child;
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) std::signal(number, forward_signal);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) std::_Exit(WEXITSTATUS(status));
  const int number = WTERMSIG(status);
  // SIGTERM is how mpirun ends the ranks that are left: the one that died first has spoken.
  if (number != SIGTERM) {
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    std::fprintf(stderr,
                 "anneal: error: rank %s on %s (process %d) was ended by signal %d (%s)\n"
                 "hint: %scall the command again, it resumes (or use launch/resume)\n",
                 rank, host, static_cast<int>(child), number, strsignal(number),
                 number == SIGKILL ? "the system may have been out of memory; " : "");
    std::fflush(stderr);
  }
  // A crash is a fault of ours; being killed is the machine's or somebody's doing.
  const bool crashed = number == SIGSEGV || number == SIGABRT || number == SIGFPE || number == SIGILL;
  std::_Exit(static_cast<int>(crashed ? ExitCode::kUnexpected : ExitCode::kCommunication));
}

}  // namespace

void supervise_rank() {
  const char* size = std::getenv("OMPI_COMM_WORLD_SIZE");
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  if (!size || !rank || std::atoi(size) < 2) return;
  const pid_t supervisor = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return;  // no room for another process: go on without
  if (child > 0) wait_for(child, rank);
  // The rank must not outlive its supervisor.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) std::_Exit(static_cast<int>(ExitCode::kCommunication));
}

}  // namespace anneal
