// Exceptions that carry the exit code of the program and a remedy for the user.
// Every message says what was attempted, what was got against what was expected, and where.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/core.h>

namespace anneal {

/// Exit codes of the program (docs/formats.md lists them for scripts).
enum class ExitCode {
  kDone = 0,
  kUnexpected = 1,
  kUsage = 2,          ///< command line or recipe
  kData = 3,           ///< data, file or checkpoint
  kCommunication = 4,  ///< ranks, network or hardware
  kNonFinite = 5,      ///< numbers that are not finite, beyond the policy
  kStopped = 6,        ///< asked to leave (signal, walltime): saved, the same command goes on
};

/// Base of all errors thrown on purpose. `hint` is one sentence: what the user can do.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message, std::string hint)
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}
  ExitCode code() const { return code_; }
  const std::string& hint() const { return hint_; }
  /// The message, and on a second line "hint: ..." if there is a hint.
  std::string full_message() const {
    return hint_.empty() ? what() : fmt::format("{}\nhint: {}", what(), hint_);
  }

 private:
  ExitCode code_;
  std::string hint_;
};

/// Wrong command line or recipe (exit code 2).
struct UsageError : Error {
  explicit UsageError(const std::string& message, std::string hint = "")
      : Error(ExitCode::kUsage, message, std::move(hint)) {}
};

/// Unreadable, damaged or inconsistent data, file or checkpoint (exit code 3).
struct DataError : Error {
  explicit DataError(const std::string& message, std::string hint = "")
      : Error(ExitCode::kData, message, std::move(hint)) {}
};

/// A rank, a link or a device failed (exit code 4).
struct CommunicationError : Error {
  explicit CommunicationError(const std::string& message, std::string hint = "")
      : Error(ExitCode::kCommunication, message, std::move(hint)) {}
};

/// Loss, gradient or weight is not finite, beyond what the policy allows (exit code 5).
struct NonFiniteError : Error {
  explicit NonFiniteError(const std::string& message, std::string hint = "")
      : Error(ExitCode::kNonFinite, message, std::move(hint)) {}
};

/// Not a failure: the run was asked to leave, has saved, and goes on when called again (exit code 6).
struct Stopped : Error {
  explicit Stopped(const std::string& message, std::string hint = "")
      : Error(ExitCode::kStopped, message, std::move(hint)) {}
};

}  // namespace anneal
