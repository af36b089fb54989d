"""The missions' tools as data: which command a step gives, in what folder, with what files; nothing here runs one."""
