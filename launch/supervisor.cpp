#include "launch/supervisor.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.h"

namespace anneal {

namespace {

/// A stopped process (SIGSTOP) takes no other signal than SIGKILL.
bool is_stopped(pid_t process) {
  char path[64], text[512] = "";
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(process));
  std::FILE* file = std::fopen(path, "r");
  if (!file) return false;
  const std::size_t size = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  text[size] = '\0';
  const char* name_end =
      std::strrchr(text, ')');  // the state follows the name: "12 (anneal) T 1 ..."
  return name_end && name_end[1] == ' ' && name_end[2] == 'T';
}

void report_death(pid_t child, const char* rank, int number, const RankStatus& status) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  const std::string where = describe(status);
  std::fprintf(stderr,
               "anneal: error: rank %s on %s (process %d) was ended by signal %d (%s)%s%s\n"
               "hint: %scall the command again, it resumes (or use launch/resume)\n",
               rank, host, static_cast<int>(child), number, strsignal(number),
               where.empty() ? "" : " ", where.c_str(),
               number == SIGKILL ? "the system may have been out of memory; " : "");
  std::fflush(stderr);
}

[[noreturn]] void wait_for(pid_t child, pid_t launcher, const char* rank, const RankStatus& status,
                           const sigset_t& signals) {
  constexpr timespec kLook{.tv_sec = 0, .tv_nsec = 250'000'000};
  bool ending = false;
  for (;;) {
    int result = 0;
    const pid_t ended = ::waitpid(child, &result, WNOHANG);
    if (ended == child && WIFEXITED(result)) std::_Exit(WEXITSTATUS(result));
    if (ended == child) {
      const int number = WTERMSIG(result);
      // mpirun ends the ranks that are left: the one that died first has spoken.
      if (!ending && number != SIGTERM) report_death(child, rank, number, status);
      // A crash is a fault of ours; being killed is the machine's or somebody's doing.
      const bool crashed =
          number == SIGSEGV || number == SIGABRT || number == SIGFPE || number == SIGILL;
      std::_Exit(static_cast<int>(crashed ? ExitCode::kUnexpected : ExitCode::kCommunication));
    }
    siginfo_t info;
    const int number = ::sigtimedwait(&signals, &info, &kLook);
    if (number < 0 && ::getppid() != launcher) ::kill(child, SIGKILL);  // mpirun is gone
    if (number <= 0 || number == SIGCHLD) continue;
    ::kill(child, number);
    ending |= number == SIGTERM;
    if (number == SIGTERM && is_stopped(child)) ::kill(child, SIGKILL);
  }
}

}  // namespace

void supervise_rank(RankStatus* status) {
  const char* size = std::getenv("OMPI_COMM_WORLD_SIZE");
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  if (!size || !rank || std::atoi(size) < 2 || !status) return;
  const pid_t supervisor = ::getpid(), launcher = ::getppid();
  sigset_t signals, before;
  sigemptyset(&signals);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2})
    sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, &before);  // before the fork: none is lost
  const pid_t child = ::fork();
  if (child > 0) wait_for(child, launcher, rank, *status, signals);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) return;  // no room for another process: go on without
  // The rank must not outlive its supervisor.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) std::_Exit(static_cast<int>(ExitCode::kCommunication));
}

}  // namespace anneal
