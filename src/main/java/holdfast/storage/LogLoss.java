package holdfast.storage;

import holdfast.consensus.Configuration;

/**
 * That the log found at start lacks something.
 *
 * @param why what is damaged or missing
 * @param lastIndex the last entry that is left, with all before it
 * @param configuration the newest one that can be read, of the log or of what is damaged; nobody if
 *     there is none
 * @param path of the directory
 */
public record LogLoss(String why, long lastIndex, Configuration configuration, String path) {}
