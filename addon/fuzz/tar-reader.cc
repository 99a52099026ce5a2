// The tar reader alone: every member's fields, and its data into a memory file. Whatever the bytes, a member keeps the
// limits that the header promises, or the reader refuses.
#include "../sandbox/tar-reader.h"

#include "target.h"

namespace {

// A sparse file may be as long as it likes: it has no bytes. Where a file of the host would refuse, so does this.
void checkMember(const TarMember& member) {
  if (member.path.size() > kMemberPathMax || member.linkTarget.size() > kMemberPathMax) violated("a path within its limit");
  if (member.path.find('\0') != std::string::npos || member.linkTarget.find('\0') != std::string::npos) violated("no NUL in a path");
  if (member.mode > 07777) violated("permission bits only");
  if (member.uid == UINT32_MAX || member.gid == UINT32_MAX) violated("owners that the kernel takes as owners");
  if (member.mtimeNanoseconds < 0 || member.mtimeNanoseconds >= 1'000'000'000) violated("nanoseconds of a second");
  uint64_t end = 0;
  for (const auto& [offset, length] : member.pieces) {
    if (offset < end || offset + length < offset || offset + length > member.sizeBytes) violated("pieces in order, within the file");
    end = offset + length;
  }
}

}  // namespace

void fuzzOne(Bytes input) {
  const std::vector<uint8_t> tar = withChecksums(input);
  const Fd fd = memoryFile(tar);
  Job job;
  const Operation operation{job, "fuzz"};
  try {
    TarReader reader(operation, fd.get(), "the archive");
    TarMember member;
    while (reader.next(member)) {
      checkMember(member);
      if (member.type == '0') reader.copyData(member, memoryFile({}).get(), member.path);
    }
    reader.drain();
  } catch (const Ended& ended) {
    if (ended.error == 0) violated("a reader does not end the job by itself");
  }
}
