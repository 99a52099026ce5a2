#include "landlock.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"

namespace {

// From linux/landlock.h of Linux 6.12; the headers of the build machine may be older.
constexpr long kCreateRuleset = 444;
constexpr long kRestrictSelf = 446;
constexpr uint32_t kCreateRulesetVersion = 1u << 0;
constexpr uint64_t kScopeAbstractUnixSocket = 1ull << 0;
constexpr int kAbiWithScopes = 6;

struct RulesetAttr {
  uint64_t handledAccessFs = 0;
  uint64_t handledAccessNet = 0;
  uint64_t scoped = 0;
};

struct __attribute__((packed)) PathBeneathAttr {
  uint64_t allowedAccess = 0;
  int32_t parentFd = -1;
};

constexpr long kAddRule = 445;
constexpr int kRulePathBeneath = 1;
constexpr uint64_t kScopeSignal = 1ull << 1;
constexpr int kAbiWithRefer = 2;
constexpr int kAbiWithTruncate = 3;
// LANDLOCK_ACCESS_FS_*, in the order of their bits: execute .. make_sym are the first 13, then refer and truncate.
constexpr uint64_t kFirstAccesses = (1ull << 13) - 1;
constexpr uint64_t kRefer = 1ull << 13;
constexpr uint64_t kTruncate = 1ull << 14;

}  // namespace

int landlockAbi() {
  const long abi = syscall(kCreateRuleset, nullptr, 0, kCreateRulesetVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

int landlockScopeAbstractSockets() {
  if (landlockAbi() < kAbiWithScopes) return EOPNOTSUPP;
  RulesetAttr attr;
  attr.scoped = kScopeAbstractUnixSocket;
  Fd ruleset(static_cast<int>(syscall(kCreateRuleset, &attr, sizeof attr, 0)));
  if (!ruleset.valid()) return errno;
  return syscall(kRestrictSelf, ruleset.get(), 0) == 0 ? 0 : errno;
}

int landlockConfine(int rootFd) {
  const int abi = landlockAbi();
  if (abi < kAbiWithRefer) return EOPNOTSUPP;
  RulesetAttr attr;
  attr.handledAccessFs = kFirstAccesses | kRefer | (abi >= kAbiWithTruncate ? kTruncate : 0);
  if (abi >= kAbiWithScopes) attr.scoped = kScopeAbstractUnixSocket | kScopeSignal;
  // Kernels before the scopes know a shorter structure, and accept what is longer only by zeros.
  Fd ruleset(static_cast<int>(syscall(kCreateRuleset, &attr, sizeof attr, 0)));
  if (!ruleset.valid()) return errno;
  const PathBeneathAttr below{attr.handledAccessFs, rootFd};
  if (syscall(kAddRule, ruleset.get(), kRulePathBeneath, &below, 0) != 0) return errno;
  return syscall(kRestrictSelf, ruleset.get(), 0) == 0 ? 0 : errno;
}
