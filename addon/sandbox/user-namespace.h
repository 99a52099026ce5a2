// The user namespace of a build without root, entered once, before anything else is made.
#pragma once
#include <string>
#include <vector>

// How the ids of images become ids of the host. Each map is the words `inside outside count ...` of user_namespaces(7).
struct IdMaps {
  std::string uidProgram;  // newuidmap(1), or empty: a map of one id, which nobody's leave is needed for
  std::string gidProgram;
  std::vector<std::string> uids;
  std::vector<std::string> gids;
};

// From the program's arguments: UIDPROGRAM GIDPROGRAM UIDS GIDS, words of a map separated by commas.
IdMaps readIdMaps(char** arguments);

// Makes this process root of a new user namespace. Runs in the outer process, single-threaded, as the user who builds.
// Returns 0, or errno with `syscall` set to what failed; what the programs say they print themselves.
int enterUserNamespace(const IdMaps& maps, const char** syscall);
