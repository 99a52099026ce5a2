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
