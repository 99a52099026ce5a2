// Keeps the executable on disk out of reach of what it starts.
#pragma once

// Continues from a sealed copy of the executable in memory, unless this is it already. A step's process is this program
// until it executes its command, and `#!/proc/self/exe` makes it this program again; with a copy, whoever gets a
// descriptor of it that way cannot write to it, and never reaches the file on the host (CVE-2019-5736).
// Returns 0 or an errno.
int continueFromSealedCopy(char** argv, char** envp);
