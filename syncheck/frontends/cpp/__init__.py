"""Front end for C++ kernels: unmodified source → Program, without the vendor's headers, a compiler or annotations."""
