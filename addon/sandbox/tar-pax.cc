// PAX extended headers: their records, and what they say about a member (POSIX pax, "pax Extended Header").
#include <cstring>

#include "tar-reader.h"

namespace {

constexpr const char* kXattrPrefix = "SCHILY.xattr.";

bool startsWith(const std::string& text, const char* prefix) { return text.compare(0, std::strlen(prefix), prefix) == 0; }

}  // namespace

// "LENGTH KEY=VALUE\n", binary values allowed.
void TarReader::parsePax(const std::string& records, Pending& pending) {
  for (size_t at = 0; at < records.size();) {
    if (records[at] == '\0') break;  // padding that some archivers count in
    const size_t blank = records.find(' ', at);
    uint64_t length = 0;
    if (blank == std::string::npos || !parseDecimal(records.substr(at, blank - at), length) ||
        length > records.size() - at || length < blank - at + 3 || records[at + length - 1] != '\n') {
      corrupt("a PAX record is malformed");
    }
    const std::string record = records.substr(blank + 1, at + length - 1 - (blank + 1));
    const size_t equals = record.find('=');
    if (equals == std::string::npos || equals == 0) corrupt("a PAX record has no key");
    pending.pax.emplace_back(record.substr(0, equals), record.substr(equals + 1));
    at += length;
  }
}

void TarReader::applyPax(TarMember& member, const std::string& key, const std::string& value) {
  if (startsWith(key, kXattrPrefix)) {
    member.xattrs.emplace_back(key.substr(std::strlen(kXattrPrefix)), value);
  } else if (startsWith(key, "GNU.sparse.")) {
    applySparseKey(member, key.substr(std::strlen("GNU.sparse.")), value);
  } else if (value.empty()) {
    return;  // POSIX pax: an empty value takes a key back
  } else if (key == "path") {
    if (!sparseNamed_) member.path = value;
  } else if (key == "linkpath") {
    member.linkTarget = value;
  } else if (key == "mtime") {
    if (!parsePaxTime(value, member.mtimeSeconds, member.mtimeNanoseconds)) corrupt("PAX mtime is not a time");
  }
}
